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

#include "util/mail/qid.h"
#include "util/text/str.h"

/* Longest line with its head and newline. A pipe takes so much or nothing. */
#define LOG_LINE_MAX_BYTES 4096
/* Longest value as written; of msg whatever is left. Cut beyond. */
#define LOG_VALUE_MAX_BYTES 1024

/* In the order of the words of log_level in params.def. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* EV_SESSION_OPENED and so on. */
enum event_id {
#define EVENT(name, level, keys, doc) EV_##name,
#include "util/log/events.def"
	EVENT_N
};

/* EV_SESSION_OPENED_LEVEL: known to the compiler, for LOG(). */
enum {
#define EVENT(name, level, keys, doc) EV_##name##_LEVEL = LOG_LEVEL_##level,
#include "util/log/events.def"
};

enum log_kind { LOG_STR, LOG_NUM, LOG_HEX, LOG_QID, LOG_ERRNO };

/* One pair; made by the macros below. */
struct log_kv {
	const char *key;
	enum log_kind kind;
	struct str str;
	int64_t num;
	const struct qid *qid;
};

#define KV_STR(k, s) \
	((struct log_kv){ .key = (k), .kind = LOG_STR, .str = (s) })
/* A C string; NULL is the empty one. */
#define KV_CSTR(k, c) KV_STR((k), str_from_c(c))
/* Any integer up to INT64_MAX. */
#define KV_NUM(k, n) \
	((struct log_kv){ .key = (k), .kind = LOG_NUM, .num = (int64_t)(n) })
/* 16 digits in base 16, as in the names of segment files. */
#define KV_HEX(k, n) \
	((struct log_kv){ .key = (k), .kind = LOG_HEX, .num = (int64_t)(n) })
#define KV_QID(k, q) \
	((struct log_kv){ .key = (k), .kind = LOG_QID, .qid = (q) })
/* The name of an errno: error=ENOSPC. */
#define KV_ERRNO(k, e) \
	((struct log_kv){ .key = (k), .kind = LOG_ERRNO, .num = (e) })

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

/* Least important level that is logged. Others read it through LOG(). */
extern enum log_level log_threshold;

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

/*
 * Composes what log_event() writes behind the head, without newline; cut where
 * out is full. Values are quoted when empty or with a blank, '"', '=' or '\';
 * bytes that are no printable UTF-8 become \xNN.
 */
void log_compose(
    struct outbuf *out, enum event_id ev, const struct log_kv *kv, size_t n);

/* Whether the keys are those of events.def, in its order, msg last. */
bool log_check(enum event_id ev, const struct log_kv *kv, size_t n);

/* From now on log_event() holds a line that log_check() refuses for a bug.
 * Tests call this. */
void log_set_strict(void);

/* The row of events.def; the name in small letters, NUL at its end. */
struct log_row {
	char name[40];
	enum log_level level;
	const char *keys;
	const char *doc;
};
struct log_row log_row(enum event_id ev);

const char *log_level_text(enum log_level level);

#endif /* UTIL_LOG_LOG_H */
