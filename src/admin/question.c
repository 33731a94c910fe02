#include "admin/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int questions_open(struct questions *questions)
{
	lock_init(&questions->lock);
	link_init(&questions->waiting);
	questions->closed = false;
	questions->kept = NULL;
	questions->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return questions->fd < 0 ? -errno : 0;
}

bool questions_ask(struct questions *questions, struct question *question)
{
	bool asked;

	lock_take(&questions->lock);
	asked = !questions->closed;
	if (asked)
		link_append(&questions->waiting, &question->link);
	lock_release(&questions->lock);
	if (asked)
		(void)eventfd_write(questions->fd, 1);
	return asked;
}

static struct question *take_first(struct questions *questions, bool close)
{
	struct question *first = NULL;

	lock_take(&questions->lock);
	questions->closed |= close;
	if (!link_is_empty(&questions->waiting)) {
		first = LINK_OWNER(questions->waiting.next, struct question, link);
		link_remove(&first->link);
	}
	lock_release(&questions->lock);
	return first;
}

/* What was said, a line each, as JSON. */
static cJSON *make_lines(char *said)
{
	cJSON *json = cJSON_CreateObject(), *messages = cJSON_AddArrayToObject(json, "messages");
	char *rest = said, *line;

	while ((line = strtok_r(rest, "\n", &rest)) != NULL)
		(void)cJSON_AddItemToArray(messages, cJSON_CreateString(line));
	return json;
}

/* A document stands for itself. */
static void put_answer(const struct question *question, int error, char *said, size_t length,
	struct admin_answer *answer)
{
	answer->status = 200;
	if (question->act == ADMIN_LIVE) {
		answer_set_text(answer, 200, "live\n");
	} else if (question->act == ADMIN_PRINT_CONFIG || question->act == ADMIN_PRINT_SCHEMA) {
		answer->type = ANSWER_JSON;
		answer->body = said;
		answer->length = length;
		return;
	} else {
		answer_set_json(answer, error < 0 ? 409 : 200, make_lines(said));
	}
	free(said);
}

/* -EINPROGRESS: the answer comes later. */
static int answer_one(struct question *question, admin_do_fn *act, void *context)
{
	struct admin_order order = { question->act, question->path, question->argument,
		question->uid, NULL };
	char *said = NULL;
	size_t length = 0;
	int error = -ENOMEM;

	order.said = open_memstream(&said, &length);
	if (order.said != NULL) {
		error = act(context, &order);
		if (fclose(order.said) != 0)
			error = -ENOMEM;
	}
	if (error == -ENOMEM || error == -EINPROGRESS)
		free(said);
	else
		put_answer(question, error, said, length, &question->answer);
	if (error == -ENOMEM)
		answer_refuse(&question->answer, 500, "no memory");
	return error;
}

void questions_finish(struct questions *questions, int error, const char *said)
{
	struct question *question = questions->kept;
	char *lines = question != NULL ? strdup(said) : NULL;

	if (question == NULL)
		return;
	questions->kept = NULL;
	if (lines != NULL)
		put_answer(question, error, lines, strlen(lines), &question->answer);
	else
		answer_refuse(&question->answer, 500, "no memory");
	question->answered(question);
}

void questions_answer(struct questions *questions, admin_do_fn *act, void *context)
{
	struct question *question;
	eventfd_t asked;

	(void)eventfd_read(questions->fd, &asked);
	while ((question = take_first(questions, act == NULL)) != NULL) {
		if (act == NULL)
			answer_refuse(&question->answer, 503, "the server ends");
		else if (answer_one(question, act, context) == -EINPROGRESS)
			questions->kept = question;
		if (questions->kept != question)
			question->answered(question);
	}
}

void questions_close(struct questions *questions)
{
	if (questions->fd >= 0) {
		close(questions->fd);
		lock_destroy(&questions->lock);
	}
	questions->fd = -1;
}
