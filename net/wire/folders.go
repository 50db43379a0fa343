package wire

import "jitos.dev/rmg"

// AddFolderRequest is the body of POST /folders.
type AddFolderRequest struct {
	Folder string `json:"folder" doc:"absolute path of a folder that is no git repository"`
}

// AddedFolder is a plain folder that can be worked on.
type AddedFolder struct {
	Root rmg.Path `json:"root" doc:"where it stands in the graph"`
	Top  string   `json:"top" doc:"its one name on disk"`
	Head string   `json:"head" doc:"the commit of what it holds; JITOS keeps it, not the folder"`
}

// ForgetFolderRequest is the body of POST /folders/forget.
type ForgetFolderRequest struct {
	Folder string `json:"folder" doc:"absolute path of a folder that was added"`
	DryRun bool   `json:"dry_run,omitempty" doc:"only say what would go"`
}

// ForgottenFolder is a folder that is not known any more.
type ForgottenFolder struct {
	Root  rmg.Path `json:"root,omitempty" doc:"where it stood in the graph"`
	Top   string   `json:"top" doc:"its one name on disk"`
	Bytes int64    `json:"bytes" doc:"that were kept of it beside the log"`
}
