"""Programs that the notebooks run as processes of their own, and put on show.

Applications, which any server hosts:
    napping             waits as long as it is asked to, and tells who waited
    tiny, plain         what notebook 2 compares servers with

Servers, beside those of the course:
    loop                one process and one thread, on asyncio
    wsgiref_server      the standard library's own
    naive_answerer      sends whatever octets notebook 1b wants sent

And what is measured apart from the kernel, which has threads:
    record_processes    runs a server, and writes down its forks, exits and waits
    interrupted_accept  a signal while accept() blocks
    fork_costs          what a fork takes, for processes of several sizes
    load_costs          what workers need whose application was loaded before, or after, the fork
"""
