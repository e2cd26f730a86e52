/* SPDX-License-Identifier: BSD-2-Clause */
/* place: configuration, directories and binaries of the instance. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/base/arena.h"
#include "util/base/array.h"
#include "util/conf/snapshot.h"
#include "util/conf/tree.h"

#define ERRORS_BYTES 131072

/* Parses what the file and those it includes hold; errors go to text. */
static enum err
parse(struct ctl *ctl, struct str blob, struct outbuf *text)
{
	struct conf_errors errors;
	enum err err;

	conf_errors_init(&errors);
	err = conf_new(&ctl->conf, blob, &errors);
	if (err != ERR_OK)
		conf_errors_put(&errors, text);
	conf_errors_fini(&errors);
	return err;
}

const struct conf *
ctl_conf(struct ctl *ctl)
{
	static char bytes[ERRORS_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };
	struct conf_snapshot snapshot;
	enum err err;

	if (ctl->conf != NULL)
		return ctl->conf;
	conf_snapshot_read(&snapshot, ctl->conf_path);
	err = parse(ctl, snapshot.blob, &text);
	conf_snapshot_fini(&snapshot);
	if (err == ERR_OK)
		return ctl->conf;
	(void)fflush(stdout);
	(void)fwrite(text.ptr, 1, text.len, stderr);
	/* Programs that call sendmail know the statuses of sysexits.h. */
	exit(ctl->command->is_raw ? EX_CONFIG : EXIT_PERM);
}

/* The last good-looking state_dir of the file; {NULL, 0}: there is none. */
static struct str
find_state_dir(const struct conf_tree *tree)
{
	struct str found = { NULL, 0 };
	const struct conf_setting *setting;

	for (setting = tree->first->first; setting != NULL;
	     setting = setting->next)
		if (str_eq(setting->name, STR("state_dir")) &&
		    setting->value.kind == CONF_VALUE_TEXT &&
		    str_starts(setting->value.text, STR("/")))
			found = setting->value.text;
	return found;
}

/* state_dir of a file as such, whatever else is wrong in it; NULL: none. */
static char *
read_state_dir(const char *conf_path)
{
	struct conf_snapshot snapshot;
	struct conf_errors errors;
	struct conf_source source;
	struct conf_tree tree;
	struct arena arena;
	struct str name, dir = { NULL, 0 };
	char *copy = NULL;

	conf_snapshot_read(&snapshot, conf_path);
	conf_errors_init(&errors);
	arena_init(&arena, CONF_ARENA_MAX_BYTES);
	source = conf_snapshot_source(&snapshot.blob);
	if (conf_snapshot_main(snapshot.blob, &name) == ERR_OK) {
		conf_tree_parse(&tree, &source, name, &arena, &errors);
		dir = find_state_dir(&tree);
	}
	if (dir.len > 0 && dir.len < CTL_PATH_BYTES)
		copy = calloc(1, dir.len + 1);
	if (copy != NULL)
		memcpy(copy, dir.ptr, dir.len);
	arena_fini(&arena);
	conf_errors_fini(&errors);
	conf_snapshot_fini(&snapshot);
	return copy;
}

const char *
ctl_state_dir(struct ctl *ctl)
{
	if (ctl->state_dir == NULL)
		ctl->state_dir = read_state_dir(ctl->conf_path);
	/* Without one, or without a file: it tells what is wrong. */
	if (ctl->state_dir == NULL)
		return ctl_conf(ctl)->main.state_dir.ptr;
	return ctl->state_dir;
}

void
ctl_libexec(const char *name, char *path)
{
	/* In the build tree, and installed. */
	static const char *const folders[] = { "../libexec",
		"../libexec/holdfast" };
	char own[CTL_PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	size_t i;

	if (n <= 0)
		ctl_die(EXIT_TEMP, "/proc/self/exe: %s", strerror(errno));
	own[n] = '\0';
	*strrchr(own, '/') = '\0';
	for (i = 0; i < COUNT_OF(folders); i++) {
		if ((size_t)snprintf(path, CTL_PATH_BYTES, "%s/%s/%s", own,
		        folders[i], name) >= CTL_PATH_BYTES)
			ctl_die(EXIT_TEMP, "%s: path too long", own);
		if (access(path, X_OK) == 0)
			return;
	}
	ctl_die(EXIT_TEMP, "%s is not in %s/../libexec: %s", name, own,
	    strerror(errno));
}

void
ctl_state_path(struct ctl *ctl, const char *name, char *path)
{
	const char *dir = ctl_state_dir(ctl);

	if ((size_t)snprintf(path, CTL_PATH_BYTES, "%s/%s", dir, name) >=
	    CTL_PATH_BYTES)
		ctl_die(EXIT_TEMP, "%s: path too long", dir);
}

bool
ctl_is_locked(struct ctl *ctl)
{
	char path[CTL_PATH_BYTES];
	bool is_locked;
	int fd;

	ctl_state_path(ctl, "spool/lock", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0)
		ctl_die(EXIT_TEMP, "%s: %s", path, strerror(errno));
	is_locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
	(void)close(fd);
	return is_locked;
}
