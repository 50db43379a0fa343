module example.com/roman

go 1.24
