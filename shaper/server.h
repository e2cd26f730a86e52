/* SPDX-License-Identifier: BSD-2-Clause */
/* server: the shaper's side of its connections with qmgr. */
#ifndef SHAPER_SERVER_H
#define SHAPER_SERVER_H

struct svc;

/* The three calls of struct svc_ops. It stops when the last peer has hung up:
 * qmgr may need grants to finish what is in hand. */
void server_start(struct svc *svc);
void server_reload(struct svc *svc);
void server_stop(struct svc *svc);

#endif /* SHAPER_SERVER_H */
