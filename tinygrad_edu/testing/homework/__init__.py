"""A file of gradients written by hand, checked as a whole: what `tinygrad-edu check` does.

`pairs` finds the functions, `inputs` has something to call them with, `worker` runs in a process of
its own whatever the file contains, and `checking` waits for that process, and ends it in time.
"""
