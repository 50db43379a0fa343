package server

import (
	"path/filepath"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

func folderCalls() []call {
	return []call{
		{
			method: post, path: "/folders", id: "add-folder", summary: "Let a folder without git be worked on as a repository is",
			about: "Takes the capability admin. Nothing is written in the folder; what it holds is its head whenever it is asked for. Adding one again takes in what it holds now, whatever it is.",
			body:  wire.AddFolderRequest{}, answer: wire.AddedFolder{}, do: (*exchange).addFolder,
		},
		{
			method: post, path: "/folders/forget", id: "forget-folder", summary: "Take a folder without git out of the system again",
			about: "Takes the capability admin. The folder itself is left alone, and need not be there; the log keeps what happened. Refused while a process goes on in it.",
			body:  wire.ForgetFolderRequest{}, answer: wire.ForgottenFolder{}, do: (*exchange).forgetFolder,
		},
	}
}

func (x *exchange) addFolder() (any, error) {
	var in wire.AddFolderRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(in.Folder) {
		return nil, wire.NewProblem(rmg.Invalid, "%q is no absolute path", in.Folder).WithHint("folder is named from /")
	}
	f, err := x.s.opt.Kernel.AddFolder(x.r.Context(), x.caller, in.Folder)
	return wire.AddedFolder(f), err
}

func (x *exchange) forgetFolder() (any, error) {
	var in wire.ForgetFolderRequest
	if err := x.read(&in); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(in.Folder) {
		return nil, wire.NewProblem(rmg.Invalid, "%q is no absolute path", in.Folder).WithHint("folder is named from /")
	}
	f, err := x.s.opt.Kernel.ForgetFolder(x.r.Context(), x.caller, in.Folder, in.DryRun)
	return wire.ForgottenFolder(f), err
}
