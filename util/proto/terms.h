/* SPDX-License-Identifier: BSD-2-Clause */
/* terms: the enums that stand in frames; their _N bounds the field. */
#ifndef UTIL_PROTO_TERMS_H
#define UTIL_PROTO_TERMS_H

#include "util/mail/outcome.h"

/* What a descriptor that master hands over is for. */
enum hand_kind {
	HAND_CONF,         /* configuration snapshot, a memfd */
	HAND_LOCK,         /* spool/lock: held open, never used */
	HAND_PAGE,         /* the child's own status page */
	HAND_PAGE_SMTPD,   /* status page of smtpd number index */
	HAND_PAGE_DELIVER, /* status page of deliver number index */
	HAND_PAGE_QMGR,    /* status page of qmgr */
	HAND_SLOTS,        /* slot page of deliver number index */
	HAND_INCOMING,     /* directories of the spool */
	HAND_DEFERRED,
	HAND_LEDGER,
	HAND_QUARANTINE,
	HAND_LISTENER, /* a listening socket for mail; text: its title */
	HAND_SOCKET,   /* the child's own listening sockets in run/: one, and of
	                * smtpd 0 submit, 1 notice */
	HAND_USERS,    /* the list of this machine's users, to be read */
	HAND_KIND_N
};

/* Who is at the other end of a connection. */
enum peer_role { PEER_SMTPD, PEER_DELIVER, PEER_QMGR, PEER_CTL, PEER_ROLE_N };

enum process_state {
	PROCESS_STARTING,
	PROCESS_OK,
	PROCESS_STOPPING,
	PROCESS_BACKOFF, /* died; waits to be started again */
	PROCESS_FAILING, /* died again within seconds */
	PROCESS_STATE_N
};

/* What qmgr lets smtpd do. */
enum pressure { PRESSURE_ACCEPT, PRESSURE_SLOW, PRESSURE_REFUSE, PRESSURE_N };

#endif /* UTIL_PROTO_TERMS_H */
