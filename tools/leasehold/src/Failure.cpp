#include "Failure.h"

#include "ExitStatus.h"
#include "UsageError.h"

#include "Leasehold/Exceptions.h"

namespace Leasehold::Tool
{

Failure Failure::of(const std::exception_ptr& exception)
{
    try
    {
        std::rethrow_exception(exception);
    }
    catch (const UsageError& error)
    {
        return {exitUsage, error.what()};
    }
    catch (const InvalidLockRequest& error)
    {
        return {exitUsage, error.message()};
    }
    catch (const LockConfigurationError& error)
    {
        return {exitConfiguration, error.message()};
    }
    catch (const LockStoreUnavailable& error)
    {
        return {exitUnavailable, error.message()};
    }
    catch (const LockStoreError& error)
    {
        return {exitConfiguration, error.message()};
    }
    catch (const LockLostError& error)
    {
        return {exitLost, error.message()};
    }
    catch (const Poco::Exception& error)
    {
        return {exitInternal, error.displayText()};
    }
    catch (const std::exception& error)
    {
        return {exitInternal, error.what()};
    }
}

} // namespace Leasehold::Tool
