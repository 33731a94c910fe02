#include "config/load.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "config/apply.h"
#include "config/settle.h"

/* All that is read: the file first, then each --set. */
struct input {
	struct document *documents;
	struct report_source *sources;
	size_t count;
};

static int input_new(size_t count, struct input *ret_input)
{
	struct input input = { calloc(count, sizeof(*input.documents)),
		calloc(count, sizeof(*input.sources)), count };

	if (!input.documents || !input.sources) {
		free(input.documents);
		free(input.sources);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		input.documents[i].number = i;
	*ret_input = input;
	return 0;
}

static void input_free(struct input *input)
{
	for (size_t i = 0; i < input->count; i++)
		document_free(&input->documents[i]);
	free(input->documents);
	free(input->sources);
}

static int read_input(struct input *input, const char *path, const char *const *sets,
	struct config *config, struct report *report)
{
	bool usable = true;
	int r = 0;

	for (size_t i = 0; r == 0 && usable && i < input->count; i++) {
		struct document *document = &input->documents[i];

		if (i > 0)
			r = document_override(document, sets[i - 1], report);
		else if (path)
			r = document_read(document, path, report);
		input->sources[i] = document->source;
		if (r == 0 && document->root)
			r = apply_document(config, document, report);
		/* What a --set would meet in a file that cannot be read, nobody knows. */
		usable = i > 0 || !path || document->root;
	}
	return r;
}

static int load(struct input *input, const char *path, const char *const *sets,
	struct config *config, struct report *report)
{
	int r = read_input(input, path, sets, config, report);

	if (r == 0)
		r = settle_services(config, report);
	if (r != -ENOMEM && (report->count > 0 || report->out_of_memory)) {
		int error = report_finish(report, input->sources);

		return error < 0 ? error : r < 0 ? r : -EINVAL;
	}
	return r == 0 ? settle_options(config) : r;
}

int config_load(const char *path, const char *const *sets, size_t sets_count, struct report *report,
	struct config **ret_config)
{
	struct config *config = calloc(1, sizeof(*config));
	struct input input;
	int r = config ? input_new(1 + sets_count, &input) : -ENOMEM;

	assert(report->count == 0);
	if (r == 0) {
		values_init(&config->top);
		r = load(&input, path, sets, config, report);
		input_free(&input);
	}
	if (r < 0) {
		config_free(config);
		if (r == -ENOMEM)
			report_free(report);
		return r;
	}
	*ret_config = config;
	return 0;
}

const struct dgram_options *config_options(const struct config *config)
{
	return &config->options;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	config_clear_services(config);
	values_clear(&config->top);
	free(config->service_options);
	free(config->hosts);
	free(config);
}
