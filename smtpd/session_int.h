/* SPDX-License-Identifier: BSD-2-Clause */
/* session_int: what session.c and arrival.c share. */
#ifndef SMTPD_SESSION_INT_H
#define SMTPD_SESSION_INT_H

/* Call-backs of a session's watch and timer; arg is the session, which may be
 * freed. */
void session_on_event(void *arg, unsigned what);
void session_on_timer(void *arg);

#endif /* SMTPD_SESSION_INT_H */
