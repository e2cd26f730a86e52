/* SPDX-License-Identifier: BSD-2-Clause */
/* shaper: qmgr's questions to the shaper, and its answers. */
#ifndef QMGR_SHAPER_H
#define QMGR_SHAPER_H

struct core_action;
struct qmgr;

/* Begins to connect; goes on for as long as q lives. */
void shaper_init(struct qmgr *q);

/* CORE_ROUTE_ASK, CORE_GRANT_ASK, CORE_FEEDBACK. Lost when it is away: the
 * core asks again. */
void shaper_ask_route(struct qmgr *q, const struct core_action *action);
void shaper_ask_grant(struct qmgr *q, const struct core_action *action);
void shaper_feed_back(struct qmgr *q, const struct core_action *action);

#endif /* QMGR_SHAPER_H */
