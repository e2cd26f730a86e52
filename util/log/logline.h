/* SPDX-License-Identifier: BSD-2-Clause */
/* logline: events, their keys, and how a line of them is written. */
#ifndef UTIL_LOG_LOGLINE_H
#define UTIL_LOG_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mail/qid.h"
#include "util/text/str.h"

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

/*
 * Composes what log_event() writes behind the head, without newline; cut where
 * out is full. Values are quoted when empty or with a blank, '"', '=' or '\';
 * bytes that are no printable UTF-8 become \xNN.
 */
void log_compose(
    struct outbuf *out, enum event_id ev, const struct log_kv *kv, size_t n);

/* Whether the keys are those of events.def, in its order, msg last. */
bool log_check(enum event_id ev, const struct log_kv *kv, size_t n);

/* The row of events.def; the name in small letters, NUL at its end. */
struct log_row {
	char name[40];
	enum log_level level;
	const char *keys;
	const char *doc;
};
struct log_row log_row(enum event_id ev);

const char *log_level_text(enum log_level level);

#endif /* UTIL_LOG_LOGLINE_H */
