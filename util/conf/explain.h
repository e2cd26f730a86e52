/* SPDX-License-Identifier: BSD-2-Clause */
/* explain: what people read of the parameters, made from their table. */
#ifndef UTIL_CONF_EXPLAIN_H
#define UTIL_CONF_EXPLAIN_H

#include "util/base/err.h"
#include "util/conf/conf.h"
#include "util/text/str.h"

/* Room that is enough for each of the texts below. */
#define CONF_TEXT_MAX_BYTES 65536

/*
 * "connections   number, 1..100000, default 32   sections: site, provider",
 * what it is for, and where conf sets it (conf may be NULL).
 *
 * ERR_NOTFOUND	no such parameter; out has a line that says so, with the
 *		nearest name
 * ERR_FULL	no room in out
 */
MUST_USE enum err conf_explain(
    const struct conf *conf, struct str name, struct outbuf *out);

/* The sample file, etc/holdfast.conf. ERR_FULL: no room in out. */
MUST_USE enum err conf_sample(struct outbuf *out);

/* The sections of holdfast.conf(5) that list all parameters, in mdoc. ERR_FULL:
 * no room in out. */
MUST_USE enum err conf_mdoc(struct outbuf *out);

#endif /* UTIL_CONF_EXPLAIN_H */
