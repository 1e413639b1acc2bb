package weights

import (
	"fmt"
	"io"
)

// Card writes the README.md of a folder for open_clip, or for transformers: what the model is, and the lines of Python that open it.
func Card(forHF bool, title, text string, tags ...string) FileWriter {
	library, open := "open_clip", `model, _, preprocess = open_clip.create_model_and_transforms("local-dir:FOLDER")
tokenizer = open_clip.get_tokenizer("local-dir:FOLDER")`
	if forHF {
		library, open = "transformers", `model = AutoModel.from_pretrained("FOLDER")
processor = AutoProcessor.from_pretrained("FOLDER")`
	}
	return func(w io.Writer) error {
		head := fmt.Sprintf("---\nlibrary_name: %s\npipeline_tag: zero-shot-image-classification\ntags:\n- clip\n", library)
		for _, tag := range tags {
			head += "- " + tag + "\n"
		}
		_, err := fmt.Fprintf(w, "%s---\n# %s\n\n%s\n```python\n%s\n```\n", head, title, text, open)
		return err
	}
}
