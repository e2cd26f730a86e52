/* SPDX-License-Identifier: BSD-2-Clause */
/* local: who speaks on a socket in run/, and what holds for the session. */
#ifndef SMTPD_LOCAL_H
#define SMTPD_LOCAL_H

#include <stdint.h>

#include "smtpd/listener.h"
#include "util/conf/conf.h"

struct svc;

/* Longest login name that is shown; a longer one counts as unknown. */
#define LOCAL_USER_MAX_BYTES 32

/* Of one session. */
struct local {
	struct conf_listener limits; /* texts in it: as long as the conf */
	uint32_t uid;
	char user[LOCAL_USER_MAX_BYTES + 1]; /* empty: unknown */
};

/* For a session of the user uid by a listener of this kind, which is not
 * LISTENER_CLIENTS. NULL: no memory. */
struct local *local_new(enum listener_kind kind, struct svc *svc, uint32_t uid);
void local_free(struct local **local);

#endif /* SMTPD_LOCAL_H */
