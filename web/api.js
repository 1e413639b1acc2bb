// Requests to the server. Paths are relative, so that the page works below any base path.

class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Refused(0, "The server does not answer.");
  }
  if (answer.ok) return answer.json();
  const { message } = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, message || `The server refuses: ${answer.status}.`);
}

// busy asks again where the server is at its limit.
async function patient(path, options) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask(path, options);
    } catch (e) {
      if (e.status !== 503 || attempt === 3) throw e;
      await new Promise((done) => setTimeout(done, 500 * (attempt + 1)));
    }
  }
}

export const indexes = () => ask("api/indexes");
export const folders = (index) => ask(`api/folders?${new URLSearchParams({ index })}`);
export const facets = (index) => ask(`api/facets?${new URLSearchParams({ index })}`);
export const search = (params, signal) => patient(`api/search?${params}`, { signal });
export const rows = (index, keys) => ask(`api/rows?${new URLSearchParams([["index", index], ...keys.map((k) => ["key", k])])}`);
export const thumb = (index, key, h, snapshot = "") =>
  `thumb?${new URLSearchParams({ index, key, h, ...(snapshot && { snapshot }) })}`;
export const original = (index, key) => `picture?${new URLSearchParams({ index, key })}`;

// json are the options of a request with a body.
const json = (body) => ({ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

export const reviews = () => ask("api/reviews");
export const review = (name, from, limit, open) => ask(`api/review?${new URLSearchParams({ name, from, limit, open: open ? 1 : 0 })}`);
export const decide = (name, group, version, stay) => ask("api/review", json({ name, group, version, stay }));

export const findDuplicates = (index) => ask("api/duplicates", json({ index }));
export const duplicates = (index) => ask(`api/duplicates?${new URLSearchParams({ index })}`);
export const duplicateGroups = (of, from, limit, open) =>
  ask(`api/duplicates/groups?${new URLSearchParams({ ...of, from, limit, open: open ? 1 : 0 })}`);
export const decideDuplicates = (decision) => ask("api/duplicates/groups", json(decision));
export const duplicateList = (of) => ask(`api/duplicates/list?${new URLSearchParams(of)}`);

// zip is the address of an archive of some pictures.
export async function zip(index, keys) {
  const got = await ask("api/selections", json({ index, keys }));
  return `api/zip?${new URLSearchParams({ selection: got.selection })}`;
}

// upload sends a picture and returns the name under which searches may use it.
export async function upload(index, file) {
  const got = await patient(`api/pictures?${new URLSearchParams({ index })}`, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
  return got.pictures[0];
}

// fetched makes the server fetch a picture, and returns the name under which searches may use it.
export async function fetched(index, address) {
  const got = await patient(`api/pictures?${new URLSearchParams({ index, url: address })}`, { method: "POST" });
  return got.pictures[0];
}

// login takes the token out of the address, where it would be kept in the history.
export async function login() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  await ask("api/login", json({ token }));
}
