module example.com/csvq

go 1.24
