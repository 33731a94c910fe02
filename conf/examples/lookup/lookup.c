/* Answers a name with its value from a SQLite database. Each worker has a connection and a statement of its own, so
 * no worker waits for another. */
#include <dgram.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASE, QUERY, PARAMETERS };

static const struct dgram_parameter parameters[PARAMETERS] = {
	[DATABASE] = { "database", DGRAM_TEXT, .required = true, .minimum = 1, .maximum = 4095,
		.sentence = "The file of the database." },
	[QUERY] = { "query", DGRAM_TEXT, .minimum = 1, .maximum = 4095,
		.text = "SELECT value FROM names WHERE name = ?1",
		.sentence = "What finds the answer; ?1 is the request." },
};

struct connection {
	sqlite3 *database;
	sqlite3_stmt *query;
};

static void disconnect(void *state)
{
	struct connection *connection = state;

	sqlite3_finalize(connection->query);
	sqlite3_close(connection->database);
	free(connection);
}

static int connect_worker(void *state, const struct dgram_start *start, void **ret_connection)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	const char *query = start->values[QUERY].text;
	int result;

	(void)state;
	if (connection == NULL)
		return -ENOMEM;
	result = sqlite3_open_v2(start->values[DATABASE].text, &connection->database,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_prepare_v3(connection->database, query, -1,
			SQLITE_PREPARE_PERSISTENT, &connection->query, NULL);
	if (result != SQLITE_OK) {
		dgram_log(start, DGRAM_LOG_ERROR, "cannot use the database", "%s",
			sqlite3_errmsg(connection->database));
		disconnect(connection);
		return -EIO;
	}
	sqlite3_busy_timeout(connection->database, 500); /* while somebody writes */
	*ret_connection = connection;
	return 0;
}

static ssize_t copy_value(sqlite3_stmt *query, void *reply, size_t size)
{
	const void *value = sqlite3_column_blob(query, 0);
	size_t length = (size_t)sqlite3_column_bytes(query, 0);

	if (length > size)
		return -EMSGSIZE;
	if (length > 0)
		memcpy(reply, value, length);
	return (ssize_t)length;
}

static ssize_t look_up(void *state, const struct dgram_request *request, void *reply, size_t size)
{
	const struct connection *connection = state;
	ssize_t length = -EIO;

	sqlite3_bind_text(connection->query, 1, request->data, (int)request->length, SQLITE_STATIC);
	switch (sqlite3_step(connection->query)) {
	case SQLITE_ROW:
		length = copy_value(connection->query, reply, size);
		break;
	case SQLITE_DONE:
		length = DGRAM_NO_REPLY;
		break;
	default:
		dgram_request_log(request, DGRAM_LOG_WARN, "cannot look up", "%s",
			sqlite3_errmsg(connection->database));
	}
	sqlite3_reset(connection->query);
	return length;
}

static const struct dgram_handler lookup = {
	.abi = DGRAM_ABI,
	.name = "lookup",
	.handle = look_up,
	.worker_start = connect_worker,
	.worker_stop = disconnect,
	.parameters = parameters,
	.parameters_count = PARAMETERS,
};
DGRAM_PLUGIN(lookup);
