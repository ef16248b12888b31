// SPDX-License-Identifier: MIT OR Apache-2.0
// grow-ext4 DEVICE DIRECTORY: grows the mounted ext4 file system of DEVICE to the size of DEVICE, like systemd-growfs. resize2fs
// first opens the device for writing, which kernels without BLK_DEV_WRITE_MOUNTED refuse while it is mounted.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

// From the kernel's fs/ext4/ext4.h; not in its UAPI headers.
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)
#define EXT4_SUPER_MAGIC 0xef53

static int failed(const char *path)
{
	fprintf(stderr, "grow-ext4: %s: %s\n", path, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "Usage: grow-ext4 DEVICE DIRECTORY\n");
		return 2;
	}
	const char *device = argv[1], *folder = argv[2];

	uint64_t bytes;
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		return failed(device);

	struct statfs fs;
	int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fstatfs(root, &fs) < 0)
		return failed(folder);
	if (fs.f_type != EXT4_SUPER_MAGIC) {
		fprintf(stderr, "grow-ext4: %s: not ext4\n", folder);
		return 1;
	}

	// Does nothing if the size is already right.
	uint64_t blocks = bytes / fs.f_bsize;
	if (ioctl(root, EXT4_IOC_RESIZE_FS, &blocks) < 0)
		return failed(folder);
	return 0;
}
