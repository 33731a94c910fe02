/* What pages are made of. Errors are the file's. Thread: any. */
#ifndef ADMIN_HTML_H
#define ADMIN_HTML_H

#include <stdint.h>
#include <stdio.h>

/* Text, in which nothing is markup; it may stand in an attribute, too. */
void html_text(FILE *file, const char *text);

/* "1,234,567" */
#define HTML_NUMBER_MAX 32
const char *html_count(uint64_t value, char text[static HTML_NUMBER_MAX]);

/* "3 us", "4.2 ms", "17 s" */
const char *html_duration(double us, char text[static HTML_NUMBER_MAX]);

/* Cells of a row, the first of which names it. A narrow screen shows the label beside each other one. */
void html_name_cell(FILE *file, const char *text);
void html_cell(FILE *file, const char *label, const char *text);
void html_number_cell(FILE *file, const char *label, const char *text);

/* A table until its rows, of these columns, where a "#" stands before what is a number; and its end. */
void html_table_begin(FILE *file, const char *caption, const char *const *columns);
void html_table_end(FILE *file);

#endif
