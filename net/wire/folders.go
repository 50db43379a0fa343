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
