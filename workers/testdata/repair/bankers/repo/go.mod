module example.com/bankers

go 1.24
