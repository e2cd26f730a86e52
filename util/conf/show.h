/* SPDX-License-Identifier: BSD-2-Clause */
/* show: typed fields of the configuration back to text. */
#ifndef UTIL_CONF_SHOW_H
#define UTIL_CONF_SHOW_H

#include "util/base/err.h"
#include "util/conf/params.h"
#include "util/text/str.h"

/* Appends a field of param's type for people: 60, 5m, 50M, 500/s, none,
 * "reject", { "a", "b" }. ERR_FULL: no room; a part of it may be there. */
MUST_USE enum err conf_show(
    const void *field, const struct conf_param *param, struct outbuf *out);

#endif /* UTIL_CONF_SHOW_H */
