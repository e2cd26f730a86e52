/* SPDX-License-Identifier: BSD-2-Clause */
/* limits: which parameters hold for a listener. */
#ifndef SMTPD_LIMITS_H
#define SMTPD_LIMITS_H

#include "util/conf/conf.h"
#include "util/text/str.h"

/* The section with this title, as long as conf lives; what has none, as the
 * socket run/submit, has the defaults. */
const struct conf_listener *limits_find(
    const struct conf *conf, struct str title);

#endif /* SMTPD_LIMITS_H */
