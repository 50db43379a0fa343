module example.com/envconf

go 1.24
