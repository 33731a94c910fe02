# src/guard/notices.c, test_notices: only the first notice is read
s/^#define READ_MAX 64$/#define READ_MAX 1/
