//! The oracle: every center measured with the haversine formula of the `geo`
//! crate and sorted. Shares no arithmetic with the engines that it judges.
