/* SPDX-License-Identifier: BSD-2-Clause */
/* past: the history of a message, as the ledger has it. */
#include "qmgr/past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmgr/ledgerdir.h"
#include "qmgr/store_int.h"
#include "util/io/sys.h"
#include "util/spool/entry.h"
#include "util/spool/ledgerread.h"

/* One slice: rows told, bytes of their facts, entries looked at. */
#define ROWS_MAX 64
#define FACTS_BYTES (256 * 1024)
#define ENTRIES_MAX 4096
/* Of one row. */
#define FACTS_MAX_BYTES 32768

/* A search under way: the thread's, but for done(). */
struct search {
	struct ledgerdir files;
	size_t next; /* file to be opened */
	int fd;      /* -1: none is open */
	struct ledgerread *reader;
	int64_t history_ms;
	bool is_listed;
	bool is_end;
	/* what this slice has found */
	unsigned n;
	struct msg_why_past rows[ROWS_MAX];
	struct outbuf facts;
	char bytes[FACTS_BYTES];
};

/* --- in the thread -------------------------------------------------------- */

static bool
is_full(const struct search *s)
{
	return s->n == ROWS_MAX || outbuf_room(&s->facts) < FACTS_MAX_BYTES;
}

/* Of a message with very many parts the first are enough. The facts are those
 * of all, and come with the first. */
static void
take_parts(
    struct search *s, const struct qid *qid, const struct ledger_entry *entry)
{
	struct str facts = str_head(entry->facts,
	    entry->facts.len < FACTS_MAX_BYTES ? entry->facts.len
	                                       : FACTS_MAX_BYTES);
	struct entry_part part;
	struct part_state state;
	size_t at = s->facts.len;

	if (entry_parse_part(&part, entry) != ERR_OK ||
	    qid_cmp(&part.common.qid, qid) != 0)
		return;
	outbuf_put(&s->facts, facts);
	facts.ptr = s->bytes + at;
	while (s->n < ROWS_MAX && entry_next_part(&part, &state)) {
		s->rows[s->n++] = (struct msg_why_past){
			.time_ms = entry->stamp.wall_ms,
			.part = state.part,
			.state = state.state,
			.cause = state.cause,
			.tries = state.tries,
			.code = state.last_code,
			.facts = facts,
		};
		facts.len = 0;
	}
}

static void
close_file(struct search *s)
{
	ledgerread_free(&s->reader);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

/* One that cannot be read, or was retired meanwhile, is passed over: what is
 * told is what can be known. */
static void
open_file(struct search *s, int dir_fd)
{
	const uint64_t *number = &s->files.numbers[s->next++];
	struct ledger_head head = { .number = *number, .kind = LEDGER_LOG };
	char name[LEDGER_NAME_BYTES + 1];

	/* An older one was kept for a notice: the history begins behind it. */
	if (s->next > 1 && number[0] != number[-1] + 1)
		s->history_ms = 0;

	ledger_name_format(&head, name);
	s->fd = sys.openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (s->fd >= 0 &&
	    ledgerread_new(&s->reader, s->fd, LEDGERREAD_ALL) != ERR_OK)
		close_file(s);
}

static void
read_slice(struct search *s, const struct qid *qid)
{
	struct ledgerread_item item;

	for (int i = 0; i < ENTRIES_MAX && !is_full(s); i++) {
		if (ledgerread_next(s->reader, &item) != ERR_OK ||
		    item.kind == LEDGERREAD_END) {
			close_file(s);
			return;
		}
		if (item.kind != LEDGERREAD_ENTRY)
			continue;
		if (s->history_ms == 0)
			s->history_ms = item.entry.stamp.wall_ms;
		if (item.entry.type == ENTRY_PART)
			take_parts(s, qid, &item.entry);
	}
}

static void
run(struct job *job)
{
	struct past *past = LIST_ITEM(job, struct past, job);
	struct search *s = past->state;

	s->n = 0;
	s->facts.len = 0;
	if (!s->is_listed)
		/* Nothing listed: then nothing is known. */
		(void)!ledgerdir_list(&s->files, past->ledger_fd, LEDGER_LOG);
	s->is_listed = true;
	if (s->reader == NULL && s->next < s->files.n)
		open_file(s, past->ledger_fd);
	if (s->reader != NULL)
		read_slice(s, &past->qid);
	s->is_end = s->reader == NULL && s->next == s->files.n;
}

/* --- in the loop ---------------------------------------------------------- */

static int64_t
end(struct past *past)
{
	struct search *s = past->state;
	int64_t history_ms = s->history_ms;

	close_file(s);
	ledgerdir_fini(&s->files);
	free(s);
	past->state = NULL;
	past->store->n_past--;
	return history_ms;
}

static void
done(struct job *job)
{
	struct past *past = LIST_ITEM(job, struct past, job);
	struct search *s = past->state;

	if (past->store->is_ending) {
		past->done(past, end(past));
		return;
	}
	for (unsigned i = 0; i < s->n; i++)
		past->row(past, &s->rows[i]);
	/* FULL: the thread has much to do; what was found is told. */
	if (s->is_end || store_submit(past->store, &past->job) != ERR_OK)
		past->done(past, end(past));
}

enum err
past_ask(struct past *past)
{
	struct search *s;
	enum err err;

	if (past->store->n_past == PAST_MAX)
		return ERR_FULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ERR_FULL;
	s->fd = -1;
	s->facts = (struct outbuf){ s->bytes, 0, sizeof(s->bytes) };
	past->state = s;
	past->job.run = run;
	past->job.done = done;
	past->store->n_past++;
	err = store_submit(past->store, &past->job);
	if (err != ERR_OK)
		(void)end(past);
	return err;
}
