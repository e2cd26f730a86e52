/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver: asks for names without waiting; libunbound on the event loop. */
#ifndef UTIL_DNS_RESOLVER_H
#define UTIL_DNS_RESOLVER_H

#include <stdint.h>

#include "util/base/list.h"
#include "util/conf/conf.h"
#include "util/dns/answer.h"
#include "util/io/loop.h"
#include "util/text/str.h"

struct resolver;

/* Questions that are out at once; further ones wait in line for these. */
#define RESOLVER_OUT_MAX 256

/* The answer's records and text last until the call returns. The question may
 * be asked again, cancelled, and its memory freed, within. */
typedef void dns_fn(void *arg, const struct dns_answer *answer);

/* One question: embedded in its owner, all zero before its first use; others
 * read nothing. */
struct dns_question {
	struct link link;
	struct resolver *resolver; /* NULL: it is not asked */
	struct timer timer;
	dns_fn *fn;
	void *arg;
	enum dns_type type;
	uint8_t state; /* of resolver.c */
	int id;        /* of libunbound */
	struct dns_answer answer;
	struct dns_record *kept; /* owned: the answer's */
	char name[DNS_NAME_MAX_BYTES + 1];
};

/*
 * A resolver with these settings, which are copied. It ends the process when
 * there is no memory; servers that cannot be asked are logged.
 */
struct resolver *resolver_new(
    struct loop *loop, const struct conf_dns *settings);

/* All questions are cancelled before. */
void resolver_free(struct resolver **resolver);

/*
 * Asks for the records of type of name, a domain without a dot at its end. The
 * owner has set fn and arg. fn is called once, in a later turn or at this one's
 * end: at the latest after the time limit of the settings, and once more that
 * when it had to wait in line. A name that is none gets DNS_NO_NAME.
 */
void resolver_ask(struct resolver *resolver, struct dns_question *q,
    struct str name, enum dns_type type);

/* No call comes after it. Harmless for one that is not asked. */
void resolver_cancel(struct dns_question *q);

#endif /* UTIL_DNS_RESOLVER_H */
