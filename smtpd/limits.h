/* SPDX-License-Identifier: BSD-2-Clause */
/* limits: which parameters hold for a listener. */
#ifndef SMTPD_LIMITS_H
#define SMTPD_LIMITS_H

#include "util/base/err.h"
#include "util/conf/conf.h"
#include "util/text/str.h"

/* The section with this title, as long as conf lives; the defaults if there is
 * none. */
const struct conf_listener *limits_find(
    const struct conf *conf, struct str title);

/* What holds on run/submit: section submit, and the defaults of listeners.
 * Texts in it live as long as conf. */
void limits_of_submit(const struct conf *conf, struct conf_listener *out);

/* What holds on run/notice: no limit that could stand against a notice of any
 * message that was ever taken. */
void limits_of_notice(struct conf_listener *out);

/* Room that is enough for the reply below. */
#define LIMITS_REPLY_BYTES 128

/* The reply to a message above max_message_size, at MAIL and after DATA.
 * ERR_FULL: out has less than LIMITS_REPLY_BYTES of room. */
MUST_USE enum err limits_put_too_big(
    const struct conf_listener *limits, struct outbuf *out);

#endif /* SMTPD_LIMITS_H */
