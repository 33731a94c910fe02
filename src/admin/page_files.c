/* What the page refers to. A table becomes a list of cards on a narrow screen. */
#include <string.h>

#include "admin/page.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#f6f8fa;--card:#fff;"
	"--line:#d0d7de;--blue:#0a58ca;--good:#116329;--bad:#b3161b}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;--paper:#0d1117;"
	"--card:#161b22;--line:#30363d;--blue:#6cb0ff;--good:#56d364;--bad:#ff8f87}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1rem 1.25rem 2rem;max-width:76rem;color:var(--ink);"
	"background:var(--paper);font:15px/1.45 system-ui,sans-serif}\n"
	"header{display:flex;justify-content:space-between;align-items:center}\n"
	"h1{margin:0;font-size:1.5rem}h1 small{font-weight:400;color:var(--soft)}\n"
	"h2{margin:0 0 .5rem;font-size:1rem}\n"
	"p{margin:.25rem 0}a{color:var(--blue)}\n"
	"a:focus-visible,button:focus-visible{outline:3px solid var(--blue);outline-offset:2px}\n"
	"button{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--soft);"
	"border-radius:6px;padding:.3rem .8rem;cursor:pointer}\n"
	"section{margin-top:1rem;padding:.9rem 1rem;background:var(--card);"
	"border:1px solid var(--line);border-radius:8px}\n"
	".state{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}\n"
	".charts{display:grid;gap:1rem;align-items:end;grid-template-columns:repeat(4,minmax(0,1fr))}\n"
	"figure{margin:0;color:var(--blue)}\n"
	"figcaption{color:var(--soft);font-size:.85rem}\n"
	"figcaption span{display:block}figcaption strong{color:var(--ink);font-size:1.25rem;"
	"font-variant-numeric:tabular-nums}figcaption small{display:inline-block;font-size:.85rem}\n"
	"svg{display:block;width:100%;height:60px;border-bottom:1px solid var(--line)}\n"
	"table{width:100%;border-collapse:collapse}\n"
	"th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;"
	"border-top:1px solid var(--line)}\n"
	"thead th{border:0;color:var(--soft);font-weight:400;font-size:.85rem}\n"
	"tbody th{font-weight:600;white-space:nowrap}\n"
	".n{text-align:right;font-variant-numeric:tabular-nums;"
	"white-space:nowrap}\n"
	"meter{width:5rem;height:.9rem;vertical-align:middle}\n"
	".of{display:inline-block;min-width:3rem}\n"
	"@media(max-width:60rem){.charts{grid-template-columns:repeat(2,minmax(0,1fr))}\n"
	"thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
	"table,tbody,th,td{display:block}tbody th,tbody td{border:0;padding:.1rem 0}\n"
	"tr{display:grid;grid-template-columns:1fr 1fr;column-gap:1.25rem;padding:.5rem 0;"
	"border-top:1px solid var(--line)}\n"
	"tbody th,td:not(.n),td:has(meter){grid-column:1/-1}\n"
	"td{display:flex;justify-content:space-between;gap:1rem;text-align:right;"
	"overflow-wrap:anywhere}.n{flex-wrap:wrap;gap:0 .5rem;justify-content:flex-end}\n"
	"td::before{content:attr(data-label);margin-right:auto;color:var(--soft);"
	"white-space:nowrap}}\n";

static const char script[] =
	"'use strict';\n"
	"const again = document.getElementById('again');\n"
	"const button = document.createElement('button');\n"
	"const said = document.createElement('span');\n"
	"let paused = false;\n"
	"said.setAttribute('role', 'status');\n"
	"said.className = 'bad';\n"
	"button.type = 'button';\n"
	"function name() { button.textContent = paused ? 'Go on' : 'Pause'; }\n"
	"function say(text) { if (said.textContent !== text) said.textContent = text; }\n"
	"button.addEventListener('click', () => { paused = !paused; name(); });\n"
	"name();\n"
	"again.replaceChildren(said, ' ', button);\n"
	"async function refresh() {\n"
	"\ttry {\n"
	"\t\tconst answer = await fetch('/', { signal: AbortSignal.timeout(5000) });\n"
	"\t\tif (!answer.ok) throw new Error(answer.status);\n"
	"\t\tconst page = new DOMParser().parseFromString(await answer.text(), 'text/html');\n"
	"\t\tif (paused) return;\n"
	"\t\tdocument.querySelector('main').replaceWith(page.querySelector('main'));\n"
	"\t\tsay('');\n"
	"\t} catch {\n"
	"\t\tsay('no answer');\n"
	"\t}\n"
	"}\n"
	"async function turn() {\n"
	"\tif (!paused && !document.hidden) await refresh();\n"
	"\tsetTimeout(turn, 1000);\n"
	"}\n"
	"setTimeout(turn, 1000);\n";

static const char icon[] =
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><rect width=\"16\" "
	"height=\"16\" rx=\"3\" fill=\"#0a58ca\"/><path d=\"M3 8h7M7 5l3 3-3 3M13 4v8\" "
	"fill=\"none\" stroke=\"#fff\" stroke-width=\"1.6\"/></svg>\n";

static void set_file(struct admin_answer *answer, const char *type, const char *text)
{
	answer_set_text(answer, 200, text);
	answer->type = type;
}

void page_style(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	(void)admin, (void)number;
	set_file(answer, "text/css; charset=utf-8", style);
}

void page_script(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	(void)admin, (void)number;
	set_file(answer, "text/javascript; charset=utf-8", script);
}

void page_icon(struct admin *admin, unsigned long number, struct admin_answer *answer)
{
	(void)admin, (void)number;
	set_file(answer, "image/svg+xml", icon);
}
