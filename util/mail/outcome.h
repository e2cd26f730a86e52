/* SPDX-License-Identifier: BSD-2-Clause */
/* outcome: how deliveries, connections and routes turn out. In frames. */
#ifndef UTIL_MAIL_OUTCOME_H
#define UTIL_MAIL_OUTCOME_H

/* What a transaction learnt of a recipient: a result, never an error. */
enum verdict {
	VERDICT_DELIVERED,
	VERDICT_DEFERRED,
	VERDICT_THROTTLED, /* too many at once: it may follow the others */
	VERDICT_BOUNCED,
	VERDICT_N
};

/* What became of a lease as a whole. */
enum outcome {
	OUTCOME_TRIED,      /* a verdict for each open recipient */
	OUTCOME_THROTTLED,  /* not counted; the site slows (Q9) */
	OUTCOME_RETURNED,   /* never begun: connection lost or closing */
	OUTCOME_DAMAGED,    /* the record reads, and is malformed */
	OUTCOME_UNREADABLE, /* the record could not be read now (S6) */
	OUTCOME_TOLD, /* a notice was accepted: all that was owed is told */
	OUTCOME_N
};

/* Why a connection ended. */
enum conn_why {
	CONN_CLOSED,    /* idle, asked to, or its messages are used up */
	CONN_THROTTLED, /* 421, too many, rate: the site slows */
	CONN_REFUSED,   /* no host answered, or all refused before MAIL */
	CONN_LOST,      /* broke off in a transaction, or went silent */
	CONN_WHY_N
};

/* Where in the dialogue something happened. */
enum smtp_stage {
	STAGE_CONNECT,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_BODY,
	STAGE_DOT,
	STAGE_RSET,
	STAGE_QUIT,
	STAGE_IDLE,
	STAGE_N
};

/* How a part leaves. */
enum transport {
	TRANSPORT_SMTP,
	TRANSPORT_LMTP,    /* RFC 2033: a reply for each recipient */
	TRANSPORT_DISCARD, /* delivered to nobody, without a connection */
	TRANSPORT_NOTICE,  /* what is told to the sender, to our own smtpd */
	TRANSPORT_N
};

/* What a lease is for. */
enum notice_kind {
	NOTICE_NONE,  /* the message itself */
	NOTICE_FINAL, /* of each recipient that is RCPT_OWED (RFC 3464) */
	NOTICE_DELAY, /* of each open one that asked for it */
	NOTICE_KIND_N
};

/* What becomes of a part that may have been delivered. */
enum on_doubt { ON_DOUBT_RETRY, ON_DOUBT_HOLD, ON_DOUBT_BOUNCE, ON_DOUBT_N };

enum route_status {
	ROUTE_OK,
	ROUTE_AGAIN, /* not to be had now: ask again after valid_ms */
	ROUTE_NONE,  /* no route, for good: the parts bounce with code */
	ROUTE_STATUS_N
};

/* How far a worker is with a lease; it only goes up. */
enum slot_phase {
	SLOT_FREE,
	SLOT_LEASED,
	SLOT_TRANSACTION,
	SLOT_DOT_SENT,
	SLOT_ANSWERED,
	SLOT_PHASE_N
};

#endif /* UTIL_MAIL_OUTCOME_H */
