/* SPDX-License-Identifier: BSD-2-Clause */
/* log: events as lines of key=value, to the system log and standard error.
 *
 *	event=lease_expired qid=01HF... site=google held_ms=60000 msg="late"
 *
 * Never blocks, and never fails for the caller: a line that cannot be written
 * now is counted (log_lost) and gone.
 */
#ifndef UTIL_LOG_LOG_H
#define UTIL_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/log/logline.h"

/* Longest line with its head and newline. A pipe takes so much or nothing. */
#define LOG_LINE_MAX_BYTES 4096

/* Logs one event: LOG(EV_SITE_UP, KV_STR("site", name), KV_NUM("down_ms", n)).
 * Below the level this is one compare: no argument is looked at. */
#define LOG(ev, ...) \
	do { \
		if ((int)ev##_LEVEL <= (int)log_threshold) \
			log_event((ev), \
			    (const struct log_kv[]){ __VA_ARGS__ }, \
			    sizeof((const struct log_kv[]){ __VA_ARGS__ }) / \
			        sizeof(struct log_kv)); \
	} while (0)

/* Least important enum log_level that is logged. Others read it by LOG(). */
extern int log_threshold;

struct log_conf {
	const char *ident;  /* "holdfast/smtpd"; lives as long as the log */
	bool is_foreground; /* to standard error as well */
	const char *socket_path;   /* NULL: /dev/log; "": no system log */
	int64_t (*clock_ms)(void); /* wall clock; NULL: the system's. Tests */
};

/* Begins logging at level info, and makes fatal() log. Before it, and without
 * it, all goes to standard error. Called again, it begins anew. */
void log_init(const struct log_conf *conf);
void log_set_level(enum log_level level);

/* Writes the line, whatever the level: LOG() has compared. */
void log_event(enum event_id ev, const struct log_kv *kv, size_t n);

/* Lines that the system log or standard error did not take, so far. */
uint64_t log_lost(void);

/* From now on log_event() holds a line that log_check() refuses for a bug.
 * Tests call this. */
void log_set_strict(void);

#endif /* UTIL_LOG_LOG_H */
