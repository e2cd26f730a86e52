/* SPDX-License-Identifier: BSD-2-Clause */
/* limits: the section of a listener, or the defaults of the table. */
#include "smtpd/limits.h"

#include "util/base/fatal.h"
#include "util/conf/params.h"
#include "util/text/num.h"

/* The most that notice max_content returns, and as much again for the rest. */
#define NOTICE_MAX_BYTES (32u << 20)
/* The most that a listener may be set to, from which a line came. */
#define NOTICE_LINE_MAX_BYTES (1u << 20)

/* Sets a field to its default. What is a list, a name or a choice begins as
 * empty, or as the first of its words. */
static enum err
set_default(const struct conf_param *p, char *field)
{
	struct str dflt = str_from_c(p->dflt);
	uint64_t n = 0;

	if (dflt.len == 0)
		return ERR_OK;
	switch (p->type) {
	case CONF_IS_number:
		if (num_u64(dflt, UINT32_MAX, &n) != ERR_OK)
			return ERR_SYNTAX;
		*(uint32_t *)(void *)field = (uint32_t)n;
		return ERR_OK;
	case CONF_IS_duration:
		return num_duration_ms(dflt, (int64_t *)(void *)field);
	case CONF_IS_size:
		return num_size_bytes(dflt, (uint64_t *)(void *)field);
	case CONF_IS_host:
	case CONF_IS_path:
	case CONF_IS_field:
	case CONF_IS_mode:
	case CONF_IS_rate:
	case CONF_IS_addresses:
	case CONF_IS_relays:
	case CONF_IS_domains:
	case CONF_IS_patterns:
	case CONF_IS_networks:
	case CONF_IS_choice:
	case CONF_TYPE_N:
		break;
	}
	return ERR_OK;
}

static const struct conf_listener *
defaults(void)
{
	static struct conf_listener built_in;
	const struct conf_section *section = conf_section_find(STR("listener"));

	BUG_IF(section == NULL);
	for (size_t i = 0; i < section->n; i++)
		BUG_IF(set_default(&section->params[i],
		           (char *)&built_in + section->params[i].offset) !=
		    ERR_OK);
	return &built_in;
}

const struct conf_listener *
limits_find(const struct conf *conf, struct str title)
{
	for (uint32_t i = 0; i < conf->n_listener; i++)
		if (str_eq(conf->listener[i].head.title, title))
			return &conf->listener[i];
	return defaults();
}

void
limits_of_submit(const struct conf *conf, struct conf_listener *out)
{
	const struct conf_submit *submit = &conf->submit;

	*out = *defaults();
	out->tenant_header = submit->tenant_header;
	out->campaign_header = submit->campaign_header;
	out->max_message_size_bytes = submit->max_message_size_bytes;
	out->max_recipients = submit->max_recipients;
	out->max_sessions_per_client = submit->max_sessions_per_user;
}

void
limits_of_notice(struct conf_listener *out)
{
	*out = *defaults();
	out->max_message_size_bytes = NOTICE_MAX_BYTES;
	out->max_line_bytes = NOTICE_LINE_MAX_BYTES;
	/* deliver's own number of connections bounds them. */
	out->max_sessions = UINT32_MAX;
	out->max_sessions_per_client = UINT32_MAX;
}

enum err
limits_put_too_big(const struct conf_listener *limits, struct outbuf *out)
{
	return outbuf_printf(out,
	    "552 5.3.4 Message is too big (max_message_size = %llu)",
	    (unsigned long long)limits->max_message_size_bytes);
}
