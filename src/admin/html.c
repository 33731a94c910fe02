#include "admin/html.h"

void html_text(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '&' || *text == '<' || *text == '>' || *text == '"' || *text == '\'')
			(void)fprintf(file, "&#%d;", *text);
		else
			(void)putc(*text, file);
	}
}

const char *html_count(uint64_t value, char text[static HTML_NUMBER_MAX])
{
	char digits[HTML_NUMBER_MAX], *to = text;
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

const char *html_duration(double us, char text[static HTML_NUMBER_MAX])
{
	if (us < 999.5)
		(void)snprintf(text, HTML_NUMBER_MAX, "%.0f \xc2\xb5s", us);
	else if (us < 999950)
		(void)snprintf(text, HTML_NUMBER_MAX, "%.1f ms", us / 1e3);
	else
		(void)snprintf(text, HTML_NUMBER_MAX, "%.0f s", us / 1e6);
	return text;
}

static void put_cell(FILE *file, const char *class, const char *label, const char *text)
{
	(void)fprintf(file, "<td%s data-label=\"%s\">", class, label);
	html_text(file, text);
	(void)fputs("</td>", file);
}

void html_name_cell(FILE *file, const char *text)
{
	(void)fputs("<th scope=\"row\">", file);
	html_text(file, text);
	(void)fputs("</th>", file);
}

void html_cell(FILE *file, const char *label, const char *text)
{
	put_cell(file, "", label, text);
}

void html_number_cell(FILE *file, const char *label, const char *text)
{
	put_cell(file, " class=\"n\"", label, text);
}

void html_table_begin(FILE *file, const char *caption, const char *const *columns)
{
	(void)fprintf(file, "<section><h2>%s</h2>\n<table aria-label=\"%s\"><thead><tr>", caption,
		caption);
	for (; *columns != NULL; columns++)
		(void)fprintf(file, "<th scope=\"col\"%s>%s</th>",
			**columns == '#' ? " class=\"n\"" : "", *columns + (**columns == '#'));
	(void)fputs("</tr></thead><tbody>\n", file);
}

void html_table_end(FILE *file)
{
	(void)fputs("</tbody></table></section>\n", file);
}
