// Declarations of the names of Gloo that c10d's ProcessGroupGloo.hpp mentions. PyTorch's packages have c10d's headers without Gloo's, and
// Debian has Gloo's in a package of its own. c10d's header holds pointers to these classes only, so their layout doesn't matter: nothing
// here is constructed or called. Destructors are declared and not defined, so that the compiler emits no virtual table.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Context {
public:
	virtual ~Context();
	void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {

class Device {
public:
	virtual ~Device();
};

class UnboundBuffer {
public:
	virtual ~UnboundBuffer();
};

} // namespace transport

namespace rendezvous {

class Store {
public:
	static constexpr std::chrono::milliseconds kDefaultTimeout = std::chrono::seconds(30);
	virtual ~Store();
	virtual void set(const std::string &key, const std::vector<char> &data) = 0;
	virtual std::vector<char> get(const std::string &key) = 0;
	virtual void wait(const std::vector<std::string> &keys) = 0;
	virtual void wait(const std::vector<std::string> &keys, const std::chrono::milliseconds &timeout) = 0;
};

} // namespace rendezvous

} // namespace gloo
