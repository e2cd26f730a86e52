/* SPDX-License-Identifier: BSD-2-Clause */
/* txn_int: a transaction, as the files that work on it share it. */
#ifndef DELIVER_TXN_INT_H
#define DELIVER_TXN_INT_H

#include "deliver/body.h"
#include "deliver/deliver_int.h"

/* What is remembered of a recipient beside its facts. */
struct txn_rcpt {
	struct str orcpt; /* as the client wrote it, or empty */
	uint8_t notify;   /* NOTIFY_ bits */
	bool is_decided;  /* it has its verdict */
};

/* A verdict and where it comes from; text lives as long as the transaction. */
struct ruled {
	enum verdict verdict;
	uint16_t code; /* 0: there was no reply */
	struct status enhanced;
	struct str text;
};

struct txn {
	struct link link; /* in the pool */
	struct lease *lease;
	struct outbuf front; /* the record, as read; what follows views it */
	struct segread_record record;
	struct outbuf notice; /* the content, where it is one */
	struct str sender;
	struct str envid;
	struct arena arena;       /* rcpts, more, texts */
	struct facts_rcpt *rcpts; /* those that are open */
	struct txn_rcpt *more;    /* of each of them */
	uint32_t n;
	uint32_t n_put;      /* RCPT commands sent */
	uint32_t n_answered; /* RCPT replies that came */
	uint32_t n_accepted;
	uint32_t n_told; /* LMTP: before it, all have their verdicts */
	uint8_t stage;   /* enum smtp_stage: whose reply comes next */
	uint8_t ret;     /* enum envelope_ret */
	bool is_piped;
	bool is_decided; /* all have verdicts: replies are only counted */
	bool is_refused; /* MAIL was: there is nothing to reset */
	bool is_doubtful;
	bool has_failure; /* reply is of one */
	uint16_t code;    /* last reply that decided, or 0 */
	struct str reply; /* as text, or what happened instead */
	struct body body;
	int64_t begun_ms;
};

/* A transaction of l, nothing of it read; from the pool. */
struct txn *txn_new(struct deliver *d, struct lease *l);

/* Gives all that have no verdict yet this one. */
void txn_decide_rest(struct txn *t, const struct ruled *r);

/* Discards what was read, instead of sending it; it has its result then. */
void txn_discard(struct conn *c, struct txn *t);

/* Ends it; its result has been told. */
void txn_free(struct deliver *d, struct txn *t);

#endif /* DELIVER_TXN_INT_H */
