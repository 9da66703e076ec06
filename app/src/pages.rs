//! The pages, one file each. A page is a component without arguments; it reads its parameters
//! from the route and its data through the API client.

mod not_found;

pub use not_found::NotFound;
