/* SPDX-License-Identifier: BSD-2-Clause */
/* lease: what qmgr has lent, and the results that it is owed. */
#ifndef DELIVER_LEASE_H
#define DELIVER_LEASE_H

#include <stdbool.h>

#include "deliver/core/facts.h"
#include "util/mail/outcome.h"
#include "util/proto/messages.h"

struct deliver;
struct lease;

/* Makes the table, one lease for each slot of the page. */
void lease_init_all(struct deliver *d);
void lease_fini_all(struct deliver *d);

/* Fills the slot's lease, which becomes WAITING, in no list. What was there is
 * over: qmgr uses a slot again only when it is. NULL: no such slot. */
struct lease *lease_take(struct deliver *d, const struct msg_lease *m);

/* Raises its slot. False: qmgr has taken it back; give the attempt up. */
bool lease_raise(struct lease *l, enum slot_phase phase);

/* What became of it, besides the facts. */
struct lease_result {
	uint16_t code; /* last reply that decided */
	bool is_after_mail;
	struct str rcpts; /* list of RCPT_RESULT */
};

/* Its result: sent, and kept until it is acknowledged. result may be NULL. */
void lease_done(struct lease *l, const struct facts *facts,
    const struct lease_result *result);

/* The same for one that was not begun. text: why. */
void lease_give_back(
    struct lease *l, enum outcome outcome, struct str site, const char *text);

/* qmgr has the result, or has taken the lease back: its slot may be filled
 * anew. An attempt that is under way is broken off. */
void lease_acknowledge(struct deliver *d, const struct msg_result_ack *m);

/* After a new qmgr has said hello: says what is held; then, when it has heard
 * all, sends the results that it does not have. */
void lease_tell_held(struct deliver *d);
void lease_send_kept(struct deliver *d);

#endif /* DELIVER_LEASE_H */
