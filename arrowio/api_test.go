package arrowio

var (
	_ Splitter = (*Memory)(nil)
	_ Splitter = (*CSV)(nil)
	_ Splitter = (*IPC)(nil)
	_ Splitter = concat(nil)
)
