/* SPDX-License-Identifier: BSD-2-Clause */
/* server: what all sessions of a process share; its start and its end. */
#ifndef SMTPD_SERVER_H
#define SMTPD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpd/admit.h"
#include "smtpd/commit.h"
#include "smtpd/intake.h"
#include "smtpd/listener.h"
#include "smtpd/own.h"
#include "smtpd/pool.h"
#include "smtpd/seg.h"
#include "smtpd/store.h"
#include "util/base/list.h"
#include "util/io/loop.h"
#include "util/mail/qid.h"

struct svc;
struct bgthread;

/* Input taken from one session in one turn, within content and outside. */
#define SERVER_READ_BYTES (64 * 1024)
#define SERVER_READ_COMMANDS_BYTES (8 * 1024)
/* Replies of one session that are written at once. */
#define SERVER_REPLIES_BYTES (16 * 1024)

/* Random numbers that are drawn at once. */
#define SERVER_RANDOMS 64

/* Sessions use the parts; server.c alone begins and ends them. */
struct server {
	struct svc *svc;
	struct bgthread *sync_thread; /* syncs of shared segments */
	struct bgthread *file_thread; /* everything else that waits */
	struct intake intake;
	struct pool pool;
	struct admit admit;
	struct segs segs;
	struct owns owns;
	struct store store;
	struct commit commit;
	struct qid_source qids;
	uint64_t randoms[SERVER_RANDOMS]; /* for them: a system call for many */
	unsigned n_randoms;
	struct listeners listeners;
	struct list sessions;
	struct turn_end change;
	uint64_t n_sessions_ever;
	bool is_stopping;
	bool is_closed; /* the segments are being sealed */

	/* Scratch, for the length of a call. */
	char in[SERVER_READ_BYTES + SERVER_READ_BYTES];
	char content[SERVER_READ_BYTES];
	char replies[SERVER_REPLIES_BYTES];
	struct outbuf out; /* replies of the session in hand */
};

/* The program, for svc_main(). */
void server_start(struct svc *svc);
void server_reload(struct svc *svc);
void server_stop(struct svc *svc);

/* The next queue id; in the order of asking they go up. */
struct qid server_next_qid(struct server *server);

/* A session came or went, or a transaction is done: tells `status`, and goes
 * on with the end of the process. */
void server_note_change(struct server *server);

#endif /* SMTPD_SERVER_H */
