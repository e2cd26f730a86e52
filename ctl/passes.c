/* SPDX-License-Identifier: BSD-2-Clause */
/* passes: what qmgr says of its passes over the spool. */
#include "ctl/passes.h"

static enum err
take_pass(struct passes *passes, const struct frame *f)
{
	struct msg_pass m;
	enum err err = msg_pass_decode(&m, f->body);

	if (err != ERR_OK)
		return err;
	if (m.is_bytes != 0 && m.is_last != 0)
		passes->last_bytes = m;
	else if (m.is_bytes != 0)
		passes->bytes = m;
	else if (m.is_last != 0)
		passes->last_index = m;
	else
		passes->index = m;
	return ERR_OK;
}

enum err
passes_ask(
    struct passes *passes, struct call *call, const struct msg_scan_ask *ask)
{
	struct frame *f = NULL;
	enum err err = call_send_scan_ask(call, ask);

	*passes = (struct passes){ .scan = { 0 } };
	while (err == ERR_OK) {
		err = call_next(call, &f);
		if (err != ERR_OK)
			break;
		if (f->type == MSG_SCAN)
			return msg_scan_decode(&passes->scan, f->body);
		err = f->type == MSG_PASS ? take_pass(passes, f) : ERR_PROTO;
	}
	return err;
}
