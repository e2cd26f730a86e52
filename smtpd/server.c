/* SPDX-License-Identifier: BSD-2-Clause */
/* server: begins and ends all that the sessions of a process share. */
#include "smtpd/server.h"

#include <stdlib.h>

#include "smtpd/data.h"
#include "smtpd/session.h"
#include "util/base/fatal.h"
#include "util/base/rand.h"
#include "util/conf/conf.h"
#include "util/io/thread.h"
#include "util/svc/page.h"
#include "util/svc/svc.h"

static void
on_store_changed(void *arg)
{
	struct server *server = arg;

	commit_kick(&server->commit);
}

static void
on_emptied(void *arg)
{
	server_note_change(arg);
}

/* --- the end -------------------------------------------------------------- */

static void
end(struct server *server)
{
	struct svc *svc = server->svc;

	/* Their last jobs are done in here, and may still call the others. */
	bgthread_free(&server->sync_thread);
	bgthread_free(&server->file_thread);
	commit_fini(&server->commit);
	store_fini(&server->store);
	intake_fini(&server->intake);
	admit_fini(&server->admit);
	pool_fini(&server->pool);
	turn_end_fini(&server->change);
	svc_set_state(svc, NULL);
	free(server);
	svc_done(svc);
}

/*
 * The order of a stop: no new connections; sessions end, each after the
 * transaction in hand; segments are sealed; then all is over.
 */
static void
on_change(void *arg)
{
	struct server *server = arg;

	page_set_figure(svc_page(server->svc), server->sessions.n);
	if (!server->is_stopping || !list_is_empty(&server->sessions) ||
	    !commit_is_idle(&server->commit))
		return;
	if (!server->is_closed) {
		server->is_closed = true;
		store_stop(&server->store);
		owns_stop(&server->owns);
	}
	if (server->segs.n == 0)
		end(server);
}

struct qid
server_next_qid(struct server *server)
{
	struct qid qid;

	if (server->n_randoms == 0) {
		rand_fill(server->randoms, sizeof(server->randoms));
		server->n_randoms = SERVER_RANDOMS;
	}
	qid_next(&server->qids, loop_wall_ms(svc_loop(server->svc)),
	    server->randoms[--server->n_randoms], &qid);
	return qid;
}

void
server_note_change(struct server *server)
{
	turn_end_ask(&server->change);
}

void
server_stop(struct svc *svc)
{
	struct server *server = svc_get_state(svc);
	struct link *l, *tmp;

	server->is_stopping = true;
	listeners_close(&server->listeners);
	LIST_FOREACH_SAFE (l, tmp, &server->sessions)
		session_stop(LIST_ITEM(l, struct session, link));
	server_note_change(server);
}

/* --- the beginning -------------------------------------------------------- */

static void
begin_parts(struct server *server)
{
	struct svc *svc = server->svc;
	struct loop *loop = svc_loop(svc);
	struct commit_parts parts = {
		.loop = loop,
		.store = &server->store,
		.owns = &server->owns,
		.admit = &server->admit,
		.intake = &server->intake,
		.done = data_done,
	};

	/* One sync is under way at a time, and the next is asked for while it
	 * is being done; of other calls one for each file, and a look at the
	 * disk. */
	server->sync_thread = bgthread_new(loop, "smtpd-sync", 2);
	server->file_thread =
	    bgthread_new(loop, "smtpd-file", SEGS_JOBS_MAX + 1);
	parts.thread = server->sync_thread;
	intake_init(&server->intake, svc, server->file_thread);
	pool_init(&server->pool, svc_conf(svc)->memory.receive_memory_bytes);
	admit_init(&server->admit, svc);
	segs_init(&server->segs, svc, server->file_thread, &server->admit);
	server->segs.emptied = on_emptied;
	server->segs.arg = server;
	owns_init(&server->owns, &server->segs);
	commit_init(&server->commit, &parts);
	store_init(&server->store, &server->segs, on_store_changed, server);
	qid_source_init(&server->qids, (uint16_t)svc_index(svc));
}

void
server_start(struct svc *svc)
{
	struct server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		fatal("no memory");
	server->svc = svc;
	server->out =
	    (struct outbuf){ server->replies, 0, sizeof(server->replies) };
	list_init(&server->sessions);
	turn_end_init(&server->change, svc_loop(svc), on_change, server);
	listeners_init(&server->listeners, server);
	begin_parts(server);
	svc_set_state(svc, server);
	listeners_load(&server->listeners);
	svc_ready(svc);
}

void
server_reload(struct svc *svc)
{
	struct server *server = svc_get_state(svc);

	if (server->is_stopping)
		return;
	listeners_load(&server->listeners);
	intake_set_conf(&server->intake);
	pool_set_max(&server->pool, svc_conf(svc)->memory.receive_memory_bytes);
}
