/* SPDX-License-Identifier: BSD-2-Clause */
/* svc: the skeleton of every daemon: from its start by master to its end. */
#ifndef UTIL_SVC_SVC_H
#define UTIL_SVC_SVC_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/proto/terms.h"
#include "util/text/str.h"

struct conf;
struct loop;
struct page;
struct svc;

/*
 * master executes a daemon with one end of a socket pair, the status pair, as
 * descriptor SVC_FD. What the daemon needs comes over it:
 *
 *	master: HAND ... START		child: READY
 *	master: HAND ... RELOAD		child: READY
 *	master: end of file		child: stops, exits 0
 *					child: LAST_WORDS, exits 100 or 111
 *
 * The end of file comes also when master is killed.
 */
#define SVC_FD 3
/* Most listening sockets of one daemon. */
#define SVC_LISTENERS_MAX 256
/* Most daemons of one kind. */
#define SVC_WORKERS_MAX 255
/* Configurations that may be held at once, the newest among them. */
#define SVC_CONFS_MAX 16
#define SVC_HEARTBEAT_MS 1000
/* master kills what runs longer than stop_grace and SVC_KILL_MS. */
#define SVC_KILL_MS 5000
#define SVC_GRACE_MORE_MAX_MS 3000

/* What a program does; all are called from the loop. */
struct svc_ops {
	const char *name; /* as in START: "smtpd" */

	/* Begins service; calls svc_ready() at once or later. What cannot
	 * work ends in fatal() or fatal_conf(). */
	void (*start)(struct svc *svc);

	/* Never before svc_ready(). A new configuration is in force: svc_conf()
	 * and the listeners are the new ones, under new descriptors even where
	 * nothing changed. The old ones are closed, and READY is sent, when
	 * this has returned. */
	void (*reload)(struct svc *svc);

	/* Finish what is in hand, then svc_done(). After stop_grace of the
	 * configuration, and grace_more_ms, the process ends without it. */
	void (*stop)(struct svc *svc);

	/* For one that hears others out at the end: at most
	 * SVC_GRACE_MORE_MAX_MS. */
	int64_t grace_more_ms;
};

/*
 * Runs the daemon; main() returns what this returns. Takes the handshake,
 * opens log, configuration and page, becomes the user that master names, calls
 * ops->start from the loop, and comes back after svc_done().
 */
int svc_main(const struct svc_ops *ops, int argc, char **argv);

/* Service has begun: tells master. Once. */
void svc_ready(struct svc *svc);

/* All is finished, the program's watches and timers too: the loop ends after
 * this turn, and svc_main() returns 0. */
void svc_done(struct svc *svc);

/* Whether ops->stop was called. */
bool svc_is_stopping(const struct svc *svc);

/* The program's own state, NULL until set. */
void svc_set_state(struct svc *svc, void *state);
void *svc_get_state(struct svc *svc);

struct loop *svc_loop(struct svc *svc);

/* Configuration in force; lives until ops->reload has returned, longer when
 * held. */
const struct conf *svc_conf(struct svc *svc);

/* Keeps the configuration in force beyond a reload, until it is dropped. While
 * SVC_CONFS_MAX are in use, a reload changes nothing and says so. */
const struct conf *svc_hold_conf(struct svc *svc);
void svc_drop_conf(struct svc *svc, const struct conf *conf);

/* This daemon's number among its kind, from 1. */
uint32_t svc_index(const struct svc *svc);

/* Counts all starts of daemons by this master, from 1: never the same twice. */
uint32_t svc_spawn(const struct svc *svc);

/* Absolute path of state_dir/run, terminated. */
const char *svc_run_dir(const struct svc *svc);

/* Whether uid is the user of the programs with this role; root and our own user
 * may be all of them. */
bool svc_is_user_of(const struct svc *svc, enum peer_role role, uint32_t uid);

/* Descriptor that master handed over, borrowed, or -1. Of HAND_LISTENER and
 * HAND_SOCKET the index counts from 0, of the pages and slots of workers from
 * 1, all else has index 0. */
int svc_fd(const struct svc *svc, enum hand_kind kind, uint32_t index);

/* Listener i, from 0, with the title of its section: a borrowed view. -1:
 * there are no more. */
int svc_listener(const struct svc *svc, unsigned i, struct str *title);

/* This process's own status page. */
struct page *svc_page(struct svc *svc);

/* qmgr: asks master to kill worker index (Q5). */
void svc_kill_worker(struct svc *svc, uint32_t index, struct str reason);

#endif /* UTIL_SVC_SVC_H */
