package client

import (
	"context"
	"net/http"

	"jitos.dev/net/wire"
)

// AddFolder lets a folder without git be worked on as a repository is.
func (c *Client) AddFolder(ctx context.Context, r wire.AddFolderRequest) (wire.AddedFolder, error) {
	return into[wire.AddedFolder](ctx, c, call{method: http.MethodPost, path: "/folders", body: r})
}

// ForgetFolder takes a folder without git out of the system again.
func (c *Client) ForgetFolder(ctx context.Context, r wire.ForgetFolderRequest) (wire.ForgottenFolder, error) {
	return into[wire.ForgottenFolder](ctx, c, call{method: http.MethodPost, path: "/folders/forget", body: r})
}
