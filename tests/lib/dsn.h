/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn: a notice for tests: one recipient, and what may be said of it. */
#ifndef TESTS_LIB_DSN_H
#define TESTS_LIB_DSN_H

#include <check.h>

#include "deliver/core/dsn_int.h"

#define DSN_ROOM (1u << 22)

/* Fri, 21 Nov 1997 09:55:06 +0000 */
#define DSN_ARRIVAL_MS INT64_C(880106106000)
#define DSN_HOUR_MS INT64_C(3600000)

#define DSN_REFUSED \
	"{\"host\":\"mx.dest.test\",\"address\":\"192.0.2.1:25\"," \
	"\"reply\":\"550 5.1.1 no\",\"rcpts\":[{\"rcpt\":\"b@dest.test\"," \
	"\"n\":0,\"verdict\":\"bounced\",\"code\":550,\"enhanced\":" \
	"\"5.1.1\"}]}"
#define DSN_RELAYED_FACTS \
	"{\"host\":\"mx.dest.test\",\"reply\":\"250 2.0.0 ok\"," \
	"\"rcpts\":[{\"n\":0,\"verdict\":\"delivered\",\"code\":250," \
	"\"enhanced\":\"2.0.0\"}]}"

static char dsn_bytes_of[DSN_ROOM];
static struct outbuf dsn_buf;
static struct dsn_rcpt dsn_rcpts[PART_RCPTS_MAX];
static struct dsn dsn;

/* Refused by its host, all that may be said is. */
static inline void
dsn_setup(void)
{
	dsn_buf = (struct outbuf){ dsn_bytes_of, 0, sizeof(dsn_bytes_of) };
	dsn_rcpts[0] = (struct dsn_rcpt){
		.address = STR("b@dest.test"),
		.wants = DSN_WANTS_FAILURE | DSN_WANTS_SUCCESS,
	};
	dsn = (struct dsn){
		.kind = NOTICE_FINAL,
		.node = STR("node.test"),
		.sender = STR("a@client.test"),
		.rcpts = dsn_rcpts,
		.n_rcpts = 1,
		.facts = STR(DSN_REFUSED),
		.content = STR("Subject: x\r\n\r\nhello\r\n"),
		.has_all = true,
		.wants_full = true,
		.now_ms = DSN_ARRIVAL_MS + DSN_HOUR_MS,
		.arrival_ms = DSN_ARRIVAL_MS,
		.tried_ms = DSN_ARRIVAL_MS + DSN_HOUR_MS / 2,
		.expires_ms = DSN_ARRIVAL_MS + 2 * DSN_HOUR_MS,
		.random = { 1, 2 },
	};
}

typedef void (*dsn_put_fn)(
    struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f);

/* Runs one of the parts' writers; what it wrote. */
static inline struct str
dsn_part(dsn_put_fn put, bool is_utf8)
{
	struct dsn_out o = { .out = &dsn_buf, .is_utf8 = is_utf8 };
	struct dsn_facts f;

	dsn_buf.len = 0;
	ck_assert_int_eq(dsn_facts_init(&f, dsn.facts), ERR_OK);
	put(&o, &dsn, &f);
	ck_assert(!o.is_full);
	dsn_facts_fini(&f);
	return outbuf_str(&dsn_buf);
}

/* Whether what stands in s. */
static inline bool
dsn_has(struct str s, struct str what)
{
	return memmem(s.ptr, s.len, what.ptr, what.len) != NULL;
}

#define ASSERT_HAS(s, what) \
	ck_assert_msg( \
	    dsn_has(s, STR(what)), "no \"%s\" in:\n%.*s", what, STR_ARG(s))
#define ASSERT_HAS_NOT(s, what) \
	ck_assert_msg( \
	    !dsn_has(s, STR(what)), "\"%s\" in:\n%.*s", what, STR_ARG(s))

#endif /* TESTS_LIB_DSN_H */
