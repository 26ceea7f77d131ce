#pragma once

#include "Leasehold/FenceGuard.h"

#include <functional>
#include <string>
#include <vector>

namespace Leasehold
{

/// A number in a file that several processes increment under a lock, guarded by its fence. The file has one line per step, which shows the
/// holders, their order, and lost updates. One object per process and thread.
class GuardedCounter : public FenceGuard
{
public:
    struct Step
    {
        Fence fence = 0;
        long long value = 0;
        friend bool operator==(const Step&, const Step&) = default;
    };

    /// Throws std::runtime_error if the file can be neither opened nor created.
    explicit GuardedCounter(const std::string& path);
    ~GuardedCounter() override;
    GuardedCounter(const GuardedCounter&) = delete;
    GuardedCounter& operator=(const GuardedCounter&) = delete;

    /// The present number in the file.
    long long value();
    /// Throws StaleFenceError like FenceGuard::write.
    void set(Fence fence, long long value);

    /// All steps in order.
    std::vector<Step> history();

protected:
    void transact(const std::function<Fence(Fence highest)>& step) override;

private:
    Step last() const;

    int _file;
    long long _value = 0; // during a step
};

} // namespace Leasehold
