module example.com/graphwalk

go 1.24
