/* SPDX-License-Identifier: BSD-2-Clause */
/* usage: processor time and memory of a process, from /proc. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/status.h"
#include "util/io/clock.h"
#include "util/text/num.h"

#define PATH_BYTES 64
#define TEXT_BYTES 1024

/* Places in /proc/PID/stat, counted from the field behind the name. */
enum { FIELD_UTIME = 11, FIELD_STIME = 12, FIELD_START = 19, FIELD_RSS = 21 };

static struct str
read_stat(uint32_t pid, char *bytes, size_t size)
{
	char path[PATH_BYTES];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, bytes, size);
		(void)close(fd);
	}
	return (struct str){ bytes, n < 0 ? 0 : (size_t)n };
}

/* What stands behind the name, which ends with the last parenthesis. */
static struct str
behind_name(struct str text)
{
	size_t i;

	for (i = text.len; i > 0; i--)
		if (text.ptr[i - 1] == ')')
			break;
	str_skip(&text, i);
	if (text.len > 0)
		str_skip(&text, 1);
	return text;
}

/* Field i, or 0. */
static uint64_t
field(struct str text, unsigned i)
{
	uint64_t n = 0;

	while (i-- > 0)
		(void)str_take_field(&text, ' ');
	if (num_u64(str_take_field(&text, ' '), UINT64_MAX, &n) != ERR_OK)
		return 0;
	return n;
}

void
status_usage(uint32_t pid, struct status_usage *usage)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char bytes[TEXT_BYTES];
	struct str text;
	uint64_t now, used, start;

	*usage = (struct status_usage){ 0 };
	if (pid == 0)
		return;
	text = behind_name(read_stat(pid, bytes, sizeof(bytes)));
	if (text.len == 0)
		return;
	now = (uint64_t)clock_boot_ms() * hz / 1000;
	used = field(text, FIELD_UTIME) + field(text, FIELD_STIME);
	start = field(text, FIELD_START);
	if (now > start)
		usage->cpu_pct = (unsigned)(used * 100 / (now - start));
	usage->memory_bytes = field(text, FIELD_RSS) * page;
}
