#pragma once

#include <Leasehold/FenceGuard.h>

#include <mutex>
#include <string>

/// A file that refuses stale holders: its first line is the highest fence that it has seen, the rest is the data.
///
/// Each step is taken alone among all processes, under a flock(2) of its own on `PATH.lock`, and replaces the whole file by a
/// rename, so a crash leaves the old content or the new one. Throws std::system_error if the files cannot be used.
class FencedFile : public Leasehold::FenceGuard
{
public:
    /// A file that is missing is empty and has seen no fence.
    explicit FencedFile(std::string path) : _path(std::move(path)) {}

    /// The data. The holder calls enter(fence) before it reads.
    std::string read();

    /// Replaces the data. Throws Leasehold::StaleFenceError if the file has seen a greater fence; the file is then as before.
    void replace(Leasehold::Fence fence, const std::string& data);

protected:
    void transact(const std::function<Leasehold::Fence(Leasehold::Fence highest)>& step) override;

private:
    struct Content
    {
        Leasehold::Fence fence = 0;
        std::string data;
    };
    Content load() const;
    void store(const Content& content) const;

    const std::string _path;
    std::mutex _mutex;
    Content* _open = nullptr; // what the step under way changes
};
